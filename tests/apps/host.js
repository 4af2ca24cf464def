// A host around one view: the official AppBridge, whose tool calls go out by the function `askServer`.

const stage = { told: [], size: null, calls: [], waiting: new Map(), bridge: null, away: false, late: "", kept: [] };

async function show({ html, context, input, result }) {
  const frame = document.createElement("iframe");
  frame.setAttribute("sandbox", "allow-scripts");
  frame.style.cssText = "position: fixed; inset: 0; width: 100%; height: 100%; border: 0";
  document.documentElement.style.background = context.theme === "dark" ? "#0c0e12" : "#f0f2f5";
  document.body.replaceChildren(frame);
  const offers = { serverTools: {}, updateModelContext: { text: {} } };
  const bridge = new McpHost.AppBridge(null, { name: "stage", version: "1" }, offers, { hostContext: context });
  bridge.oncalltool = (params) => called(params);
  bridge.onupdatemodelcontext = async ({ content }) => {
    stage.told.push(content[0].text);
    return {};
  };
  bridge.onsizechange = (size) => (stage.size = size);
  const initialized = new Promise((resolve) => (bridge.oninitialized = resolve));
  const inner = frame.contentWindow;
  await bridge.connect(new McpHost.PostMessageTransport(inner, inner));
  frame.srcdoc = html;
  await initialized;
  stage.bridge = bridge;
  await bridge.sendToolInput({ arguments: input });
  if (result) await bridge.sendToolResult(result);
}

async function called({ name, arguments: given }) {
  if (stage.away) throw new Error("The server is away.");
  const id = stage.calls.push({ name, arguments: given });
  return new Promise((resolve, reject) => {
    stage.waiting.set(id, { resolve, reject });
    askServer(JSON.stringify({ id, name, arguments: given }));
  });
}

/** Hand an answer to the view; what the tool `late` answers is kept until `hand`. */
function answered(id, said) {
  const { result, error } = said;
  if (stage.calls[id - 1].name === stage.late) return stage.kept.push([id, said]);
  const { resolve, reject } = stage.waiting.get(id);
  stage.waiting.delete(id);
  if (error) reject(new Error(error));
  else resolve(result);
}

function hand() {
  stage.late = "";
  for (const one of stage.kept.splice(0)) answered(...one);
}
