// Writes Tabler's style sheet to standard output, without the rules that no template and no script of ours uses.
import { readFileSync } from "node:fs";
import { PurgeCSS } from "purgecss";

// In a template only words inside class="…" name classes; taking every word would keep half of Bootstrap.
const classes = (html) => {
  const words = [...html.matchAll(/class="([^"]*(?:\{\{[^}]*\}\}[^"]*)*)"/g)].flatMap(([, value]) => value.split(/[^\w-]+/));
  const tags = [...html.matchAll(/<([a-z][a-z0-9]*)/g)].map(([, tag]) => tag);
  return [...words, ...tags];
};

const [result] = await new PurgeCSS().purge({
  content: ["templates/**/*.html", "web/assets/**/*.js"],
  css: [{ raw: readFileSync("node_modules/@tabler/core/dist/css/tabler.css", "utf8").replace(/\/\*# sourceMappingURL.*?\*\//, "") }],
  extractors: [
    { extensions: ["html"], extractor: classes },
    { extensions: ["js"], extractor: (js) => [...js.matchAll(/["'`]([\w -]+)["'`]/g)].flatMap(([, text]) => text.split(" ")) },
  ],
  safelist: ["html", "body"],
  // Our palette follows light-dark() of its own; Tabler's dark theme, print and right-to-left helpers are not used.
  blocklist: [/^navbar/, /^page/, /^card/, /^theme-/, /data-bs-theme/],
  variables: true,
  fontFace: true,
  keyframes: true,
});
process.stdout.write(result.css);
