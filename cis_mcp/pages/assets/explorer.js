"use strict";
const state = document.getElementById("state");
const key = document.getElementById("key");
const find = document.getElementById("find");
document.getElementById("asking").addEventListener("submit", (event) => event.preventDefault());

function element(name, values = {}, ...children) {
  const made = Object.assign(document.createElement(name), values);
  made.append(...children);
  return made;
}

/* What a schema says, its references followed; what may be null is what it may be besides. */
function plain(schema, models) {
  if (schema.$ref) return plain(models[schema.$ref.split("/").pop()], models);
  const options = (schema.anyOf || []).filter((one) => one.type !== "null");
  return options.length === 1 ? { ...schema, ...plain(options[0], models) } : schema;
}

/* A value that fits a schema: its example, else the least that it takes. */
function sample(schema, models) {
  const found = plain(schema, models);
  if (found.examples) return found.examples[0];
  if (found.default !== undefined) return found.default;
  if (found.enum) return found.enum[0];
  if (found.type === "object") {
    const required = found.required || [];
    return Object.fromEntries(required.map((name) => [name, sample(found.properties[name], models)]));
  }
  return { array: [], integer: found.minimum ?? 0, number: 0, boolean: false }[found.type] ?? "";
}

function field(parameter) {
  const name = parameter.name + (parameter.required ? " (required)" : "");
  const input = element("input", { name: parameter.name, required: Boolean(parameter.required) });
  input.dataset.place = parameter.in;
  const words = [parameter.in, parameter.description].filter(Boolean).join(": ");
  return element("label", {}, `${name} – ${words}`, input);
}

function bodyField(schema, models) {
  const text = JSON.stringify(sample(schema, models), null, 2);
  const known = Object.entries(plain(schema, models).properties || {});
  const told = known.map(([name, one]) => (one.description ? `${name}: ${one.description}` : name)).join("; ");
  const input = element("textarea", { name: "body", rows: 8, value: text, spellcheck: false });
  input.dataset.place = "body";
  return element("label", {}, `Body – JSON. ${told}`, input);
}

/* The request that a form stands for. */
function request(method, path, form) {
  const query = new URLSearchParams();
  const headers = {};
  let filled = path;
  let body = null;
  for (const input of form.querySelectorAll("[data-place]")) {
    if (input.dataset.place === "body") body = input.value;
    else if (input.value === "") continue;
    else if (input.dataset.place === "path") filled = filled.replace(`{${input.name}}`, encodeURIComponent(input.value));
    else if (input.dataset.place === "query") query.append(input.name, input.value);
    else headers[input.name] = input.value;
  }
  if (body !== null) headers["Content-Type"] = "application/json";
  const asked = query.toString();
  return { method, url: location.origin + filled + (asked && `?${asked}`), headers, body };
}

function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function curl({ method, url, headers, body }) {
  const parts = ["curl", "-X", method, quoted(url), "-H", '"Authorization: Bearer $CIS_KEY"'];
  for (const [name, value] of Object.entries(headers)) parts.push("-H", quoted(`${name}: ${value}`));
  if (body !== null) parts.push("--data", quoted(body));
  return parts.join(" ");
}

async function shown(response) {
  const head = `${response.status} ${response.statusText}`.trim();
  const lines = [...response.headers].map(([name, value]) => `${name}: ${value}`);
  const text = await response.text();
  let body = text;
  if (/json/.test(response.headers.get("content-type") || "")) body = JSON.stringify(JSON.parse(text), null, 2);
  return [head, ...lines, "", body].join("\n");
}

async function send(asked, answer) {
  answer.textContent = "Waiting for the answer…";
  const headers = { ...asked.headers };
  if (key.value) headers.Authorization = `Bearer ${key.value.trim()}`;
  const options = { method: asked.method, headers, credentials: "omit", cache: "no-store", redirect: "manual" };
  if (asked.body !== null) options.body = asked.body;
  try {
    answer.textContent = await shown(await fetch(asked.url, options));
  } catch (error) {
    answer.textContent = `No answer came: ${error.message}. Is the server still running?`;
  }
}

function operation(method, path, said, models) {
  const form = element("form", { autocomplete: "off" });
  form.append(...said.parameters.map(field));
  const schema = said.requestBody?.content["application/json"]?.schema;
  if (schema) form.append(bodyField(schema, models));
  const line = element("pre", { tabIndex: 0 });
  const answer = element("pre", { tabIndex: 0, hidden: true });
  line.setAttribute("aria-label", "curl command");
  answer.setAttribute("aria-label", "answer");
  answer.setAttribute("role", "status");
  const copy = element("button", { type: "button", textContent: "Copy as curl" });
  const retell = () => { line.textContent = curl(request(method, path, form)); };
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(line.textContent);
    copy.textContent = "Copied";
  });
  form.addEventListener("input", retell);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    answer.hidden = false;
    send(request(method, path, form), answer);
  });
  form.append(element("button", { className: "main", textContent: "Send" }), line, copy, answer);
  retell();
  const title = element("summary", {}, element("code", {}, element("span", { className: "method", textContent: method }), path), element("span", { textContent: said.summary }));
  const whole = element("details", {}, title, element("p", { textContent: said.description }), form);
  whole.dataset.words = `${method} ${path} ${said.summary} ${said.operationId}`.toLowerCase();
  return whole;
}

function draw(said) {
  const main = document.getElementById("operations");
  for (const tag of said.tags) {
    const own = [];
    for (const [path, methods] of Object.entries(said.paths))
      for (const [method, one] of Object.entries(methods))
        if (one.tags[0] === tag.name) own.push(operation(method.toUpperCase(), path, one, said.components.schemas));
    main.append(element("section", {}, element("h2", { textContent: tag.description }), ...own));
  }
}

function filter() {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  let left = 0;
  for (const one of document.querySelectorAll("details")) {
    one.hidden = !words.every((word) => one.dataset.words.includes(word));
    left += one.hidden ? 0 : 1;
  }
  for (const section of document.querySelectorAll("section")) section.hidden = !section.querySelector("details:not([hidden])");
  state.textContent = left === 1 ? "1 operation" : `${left} operations`;
}

fetch(document.body.dataset.document)
  .then((response) => response.json())
  .then((said) => { draw(said); find.addEventListener("input", filter); filter(); })
  .catch(() => { state.textContent = "The document could not be read. Reload the page to try again."; });
