import { Controller } from "@hotwired/stimulus";

// Single keys, by their place on the keyboard (event.code), so that they work on a Cyrillic layout too. They can be
// switched off (WCAG 2.1.4) and are silent while one types, and in dialogs and menus.
const off = "opora.shortcuts.off";

export default class extends Controller {
  static targets = ["off"];

  connect() {
    this.press = (event) => this.key(event);
    document.addEventListener("keydown", this.press);
    if (this.hasOffTarget) this.offTarget.checked = localStorage.getItem(off) !== null;
  }

  disconnect() { document.removeEventListener("keydown", this.press); }

  toggle() {
    if (this.offTarget.checked) localStorage.setItem(off, "1");
    else localStorage.removeItem(off);
  }

  key(event) {
    if (event.code === "Enter" && (event.ctrlKey || event.metaKey)) return this.send(event);
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || localStorage.getItem(off)) return;
    if (event.target.closest("input, textarea, select, dialog, [contenteditable], [role=listbox], [data-menu][open]")) return;
    const act = this.action(event);
    if (!act) return;
    event.preventDefault();
    act();
  }

  action({ code, shiftKey }) {
    if (code === "Slash" && shiftKey) return () => document.getElementById("keys").showModal();
    if (shiftKey) return null;
    switch (code) {
      case "Slash": return () => this.go("search");
      case "KeyC": return () => this.go("create");
      case "KeyR": return () => this.go("reply");
      case "KeyN": return () => this.go("note");
      case "KeyJ": return () => this.move(1);
      case "KeyK": return () => this.move(-1);
      case "KeyO": return () => this.current?.querySelector("a")?.click();
      case "KeyX": return () => this.current?.querySelector("input[type=checkbox]")?.click();
    }
    return null;
  }

  get rows() { return [...document.querySelectorAll("tr[data-ticket]")]; }
  get current() { return this.rows.find((row) => row.getAttribute("aria-current") === "true"); }

  move(by) {
    const rows = this.rows;
    if (rows.length === 0) return;
    const at = rows.indexOf(this.current);
    const next = rows[Math.min(Math.max(at + by, 0), rows.length - 1)];
    this.current?.removeAttribute("aria-current");
    next.setAttribute("aria-current", "true");
    next.querySelector("a")?.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }

  go(name) {
    const element = document.querySelector(`[data-shortcut="${name}"]`);
    if (!element) return;
    if (element.matches("a, button, input[type=radio]")) element.click();
    else element.focus();
    document.getElementById(element.dataset.shortcutThen)?.focus();
  }

  send(event) {
    const form = event.target.closest("form");
    if (!form || !event.target.matches("textarea")) return;
    event.preventDefault();
    form.requestSubmit();
  }
}
