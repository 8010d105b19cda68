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
  // What we draw ourselves under the same name, and Tabler's own dark theme: our palette has light-dark().
  blocklist: [/^\.(prose|timeline|avatar|empty|legend|lead|chip|step|list|toast|icon|section)\b/, /data-bs-theme/, /^\.theme-/],
  variables: true,
  fontFace: true,
  keyframes: true,
});
process.stdout.write(result.css);
