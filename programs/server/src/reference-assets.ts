/** Style and script of the reference page. Without the script all is there and readable; it only searches. */

export const REFERENCE_STYLE = `:root {
  color-scheme: light dark;
  --ground: light-dark(#fff, #14171c); --text: light-dark(#1d2430, #e4e7ec); --faint: light-dark(#5a6472, #9aa4b2);
  --line: light-dark(#d8dde4, #303742); --raised: light-dark(#f4f6f8, #1c2129); --accent: light-dark(#0b57b7, #7db4ff);
  --get: light-dark(#0a6b3d, #5fd39a); --post: light-dark(#0b57b7, #7db4ff); --put: light-dark(#8a5300, #f0b45c); --delete: light-dark(#a4212b, #ff8f8f);
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: 1rem; padding: .5rem 1rem; background: var(--raised); z-index: 2; }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.sides { display: grid; grid-template-columns: minmax(14rem, 20rem) minmax(0, 1fr); }
.side { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1rem; border-right: 1px solid var(--line); background: var(--raised); }
.side ul { list-style: none; margin: 0 0 1rem; padding: 0; }
.side li a { display: block; padding: .15rem 0; text-decoration: none; overflow-wrap: anywhere; }
.side h2 { margin: 0; font-size: .8rem; text-transform: uppercase; letter-spacing: .05em; color: var(--faint); }
input[type=search] { width: 100%; padding: .5rem; font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--line); border-radius: 6px; }
main { padding: 1rem 2rem 4rem; max-width: 60rem; }
article { padding: 1rem 0; border-bottom: 1px solid var(--line); scroll-margin-top: 1rem; }
h1 { margin: 0; } h3 { margin: 0; } h4 { margin: 1rem 0 .25rem; font-size: .95rem; }
code, pre { font: .875em/1.5 ui-monospace, monospace; }
code { overflow-wrap: anywhere; }
pre { padding: .75rem; overflow: auto; background: var(--raised); border: 1px solid var(--line); border-radius: 6px; }
.method { font-weight: 700; }
.GET { color: var(--get); } .POST { color: var(--post); } .PUT { color: var(--put); } .DELETE { color: var(--delete); }
.faint { color: var(--faint); }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .25rem .75rem .25rem 0; text-align: left; vertical-align: top; border-top: 1px solid var(--line); }
th { font-weight: 600; white-space: nowrap; }
[hidden] { display: none !important; }
@media (max-width: 50rem) { .sides { grid-template-columns: minmax(0, 1fr); } .side { position: static; height: auto; border-right: 0; } main { padding: 1rem; } }
@media print { .side { display: none; } .sides { display: block; } }
`;

export const REFERENCE_SCRIPT = `"use strict";
const search = document.getElementById("search");
const found = document.getElementById("found");
const articles = [...document.querySelectorAll("article")];
const links = new Map([...document.querySelectorAll(".side li")].map((item) => [item.firstElementChild.hash.slice(1), item]));
function narrow() {
  const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let count = 0;
  for (const article of articles) {
    const text = (article.id + " " + article.textContent).toLowerCase();
    const fits = words.every((word) => text.includes(word));
    article.hidden = !fits;
    const item = links.get(article.id);
    if (item) item.hidden = !fits;
    if (fits) count++;
  }
  for (const group of document.querySelectorAll(".group")) group.hidden = !group.querySelector("article:not([hidden]), li:not([hidden])");
  found.textContent = words.length === 0 ? "" : count + " found";
}
search.addEventListener("input", narrow);
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== search && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    search.focus();
  } else if (event.key === "Escape" && document.activeElement === search) {
    search.value = "";
    narrow();
  }
});
`;
