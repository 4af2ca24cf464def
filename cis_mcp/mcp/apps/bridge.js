// The view's side of the MCP Apps protocol (SEP-1865): JSON-RPC 2.0 by postMessage with the host around it.

const PROTOCOL = "2026-01-26";
const ANSWER_MS = 90_000;

/** What the server or the host said no to; `code` is one of the server's codes, or empty. */
export class Refusal extends Error {
  constructor(message, code = "") {
    super(message);
    this.code = code;
  }
}

/** The host that shows this page, and by it the server. */
export class Host {
  #waiting = new Map();
  #handlers = new Map();
  #lastId = 0;

  constructor(name) {
    this.name = name;
    this.context = {};
    this.capabilities = {};
    this.on("ping", () => ({}));
    window.addEventListener("message", (event) => this.#take(event));
  }

  /** Call `handler` with the params of each message of that method; what it returns answers a request. */
  on(method, handler) {
    this.#handlers.set(method, handler);
  }

  /** Shake hands; handlers must be set before, since the host speaks as soon as it is done. */
  async connect() {
    const version = document.documentElement.dataset.version;
    const hello = await this.request("ui/initialize", {
      appInfo: { name: this.name, version },
      appCapabilities: { availableDisplayModes: ["inline", "fullscreen"] },
      protocolVersion: PROTOCOL,
    });
    this.context = hello.hostContext ?? {};
    this.capabilities = hello.hostCapabilities ?? {};
    this.notify("ui/notifications/initialized", {});
  }

  /** The data of a tool's answer; throws Refusal where the tool, the server or the host says no. */
  async callTool(name, args) {
    const result = await this.request("tools/call", { name, arguments: args });
    const data = result.structuredContent ?? {};
    if (result.isError) throw refusalOf(result);
    return data;
  }

  /** Tell the model what the person did here, where the host passes that on. */
  async tellModel(text) {
    if (!this.capabilities.updateModelContext) return;
    const told = this.request("ui/update-model-context", { content: [{ type: "text", text }] });
    await told.catch(() => {}); // the host may decline; the person sees what they did all the same
  }

  request(method, params) {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const late = () => this.#settle(id, { error: { message: "No answer came in time." } });
      this.#waiting.set(id, { resolve, reject, timer: setTimeout(late, ANSWER_MS) });
      this.#post({ id, method, params });
    });
  }

  notify(method, params) {
    this.#post({ method, params });
  }

  #post(message) {
    // The host's origin cannot be known in a sandbox; the parent is who loaded this page.
    window.parent.postMessage({ jsonrpc: "2.0", ...message }, "*");
  }

  #take(event) {
    const message = event.data;
    if (event.source !== window.parent || message?.jsonrpc !== "2.0") return;
    if (message.method === undefined) this.#settle(message.id, message);
    else this.#serve(message);
  }

  #settle(id, { result, error }) {
    const waiter = this.#waiting.get(id);
    if (!waiter) return;
    this.#waiting.delete(id);
    clearTimeout(waiter.timer);
    if (error) waiter.reject(new Refusal(error.message || "The host said no."));
    else waiter.resolve(result ?? {});
  }

  #serve({ id, method, params }) {
    const handler = this.#handlers.get(method);
    const result = handler?.(params ?? {});
    if (id === undefined) return;
    if (handler) this.#post({ id, result: result ?? {} });
    else this.#post({ id, error: { code: -32601, message: `There is no method ${method}.` } });
  }
}

/** A tool's error as a Refusal: its own words, or those of its text. */
export function refusalOf(result) {
  const { message, hint, code } = result.structuredContent ?? {};
  const text = result.content?.find((block) => block.type === "text")?.text;
  return new Refusal([message, hint].filter(Boolean).join(" ") || text || "The call failed.", code);
}
