"""What can be said of a page's looks without eyes: contrast (WCAG 1.4.3), names of what is pressed (4.1.2)."""

from __future__ import annotations

from typing import Any

from tests.apps.stage import View

_PRESSED = {"button", "checkbox", "textbox", "searchbox", "link", "progressbar", "image", "img"}

# The pulse of what is live never ends.
_AT_REST = """Promise.all(document.getAnimations()
  .filter((one) => one.effect.getTiming().iterations !== Infinity)
  .map((one) => one.finished))"""

_FAINT = """(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], under) => [r, g, b].map((value, i) => value * a + under[i] * (1 - a));
  const ground = (node) => {
    if (!node) return [255, 255, 255];
    const color = rgba(getComputedStyle(node).backgroundColor);
    return color[3] === 1 ? color.slice(0, 3) : over(color, ground(node.parentElement));
  };
  const light = (color) => {
    const [r, g, b] = color.map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    const text = walker.currentNode.data.trim();
    if (!text || node.localName === "script" || !node.checkVisibility() || node.closest(":disabled")) continue;
    const style = getComputedStyle(node);
    const under = ground(node);
    const shown = over(rgba(node instanceof SVGElement ? style.fill : style.color), under);
    const [one, other] = [light(shown), light(under)].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    if (ratio < 4.5) faint.push(`${text.slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return faint;
})()"""


async def faint(view: View) -> list[str]:
    """Texts that stand out less than 4.5 to 1 from what is behind them."""
    await view.js(_AT_REST)
    found: list[str] = await view.js(_FAINT)
    return found


async def nameless(view: View) -> list[dict[str, Any]]:
    """What assistive software cannot call by a name."""
    nodes = (await view.tab.send("Accessibility.getFullAXTree", frameId=view.frame))["nodes"]
    pressed = [node for node in nodes if not node["ignored"] and node["role"]["value"] in _PRESSED]
    assert pressed
    return [node for node in pressed if not node.get("name", {}).get("value")]
