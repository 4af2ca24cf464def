// Colours, fonts and size as the host wants them; where it says nothing, as the browser does.

const KNOWN = /^--(color|font|border|shadow)-[a-z0-9-]+$/;

/** Follow the host's theme and variables now and whenever they change, and tell it how high the page is. */
export function dress(host) {
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const wear = () => {
    const theme = host.context.theme ?? (system.matches ? "dark" : "light");
    document.documentElement.dataset.theme = theme === "dark" ? "dark" : "light";
    setVariables(host.context.styles?.variables ?? {});
    setSize(host.context);
  };
  system.addEventListener("change", wear);
  host.on("ui/notifications/host-context-changed", (changed) => {
    host.context = { ...host.context, ...changed };
    wear();
  });
  wear();
  new ResizeObserver(() => tellHeight(host)).observe(document.body);
}

function setVariables(variables) {
  for (const [name, value] of Object.entries(variables)) {
    if (KNOWN.test(name) && value) document.documentElement.style.setProperty(name, value);
  }
}

function setSize({ safeAreaInsets: insets }) {
  for (const side of ["top", "right", "bottom", "left"]) {
    document.body.style.setProperty(`--inset-${side}`, `${Number(insets?.[side]) || 0}px`);
  }
}

function tellHeight(host) {
  const { width, height } = document.body.getBoundingClientRect();
  host.notify("ui/notifications/size-changed", { width: Math.ceil(width), height: Math.ceil(height) });
}
