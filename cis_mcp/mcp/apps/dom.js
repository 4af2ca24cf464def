// Elements made by hand. Whatever comes from data becomes a text node, so that it can never be markup.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element; `attributes` are ours alone, children may be data. A false or null attribute is left out. */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element. */
export function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** Words that came from outside, kept from turning the text around them (bidirectional marks). */
export function words(text) {
  return h("bdi", {}, text);
}

/** Put `children` into `node`, but only where `key` is another than last time: focus and selection stay. */
export function refill(node, key, children) {
  const written = JSON.stringify(key);
  if (node.refilledFor === written) return;
  node.refilledFor = written;
  node.replaceChildren(...children());
}

/** Set the text of `node` where it is another, so that screen readers are not told the same again. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}
