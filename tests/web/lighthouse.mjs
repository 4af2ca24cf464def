// Lighthouse judges many pages in one browser: reads {chromium, profile, headers, pages, categories} from stdin, and
// prints what it gave each page and which audits did not pass fully.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const asked = JSON.parse(readFileSync(0, "utf8"));
const near = createRequire(process.argv[2]);
const load = (name) => import(pathToFileURL(near.resolve(name)).href);
const { default: lighthouse } = await load("lighthouse");
const { launch } = await load("chrome-launcher");

// The pages come from this machine, and have nothing that arrives later: no quiet second has to be waited for.
const settings = {
  onlyCategories: asked.categories,
  extraHeaders: asked.headers,
  disableFullPageScreenshot: true,
  pauseAfterFcpMs: 0,
  pauseAfterLoadMs: 0,
  networkQuietThresholdMs: 100,
  cpuQuietThresholdMs: 100,
};
const chrome = await launch({
  chromePath: asked.chromium,
  userDataDir: asked.profile,
  chromeFlags: ["--headless=new", "--no-sandbox", "--disable-gpu"],
});
const found = {};
try {
  for (const [name, url] of Object.entries(asked.pages)) {
    const { lhr } = await lighthouse(url, { port: chrome.port, logLevel: "error" }, { extends: "lighthouse:default", settings });
    const counted = Object.values(lhr.categories).flatMap((one) => one.auditRefs.filter((ref) => ref.weight));
    found[name] = {
      at: lhr.finalDisplayedUrl,
      scores: Object.fromEntries(Object.entries(lhr.categories).map(([key, one]) => [key, one.score])),
      missed: counted.map((ref) => ref.id).filter((id) => ![1, null].includes(lhr.audits[id].score)),
      error: lhr.runtimeError?.message ?? "",
    };
  }
} finally {
  chrome.kill();
}
console.log(JSON.stringify(found));
