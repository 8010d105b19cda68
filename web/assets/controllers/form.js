import { Controller } from "@hotwired/stimulus";

// Keeps what is typed: warns before leaving, and holds the words in the tab's storage until they were taken. The server
// keeps them too; this is the last resort (a lost session, a closed network).
export default class extends Controller {
  static values = { keep: { type: Boolean, default: true } };

  connect() {
    this.key = `opora.form:${location.pathname}:${this.element.getAttribute("action") ?? ""}`;
    this.leave = (event) => { if (this.dirty) event.preventDefault(); };
    this.typed = () => this.note();
    this.sent = () => this.note(true);
    this.element.addEventListener("input", this.typed);
    this.element.addEventListener("submit", this.sent);
    window.addEventListener("beforeunload", this.leave);
    if (this.keepValue) this.restore();
    else this.unsend();
  }

  disconnect() {
    this.element.removeEventListener("input", this.typed);
    this.element.removeEventListener("submit", this.sent);
    window.removeEventListener("beforeunload", this.leave);
  }

  get fields() { return [...this.element.querySelectorAll("textarea[name], input[type=text][name]")]; }

  note(sent = false) {
    this.dirty = this.keepValue && !sent && this.fields.some((field) => field.value !== field.defaultValue);
    if (!this.keepValue) return;
    const words = Object.fromEntries(this.fields.filter((field) => field.value).map((field) => [field.name, field.value]));
    sessionStorage.setItem(this.key, JSON.stringify({ sent, words }));
  }

  restore() {
    const kept = JSON.parse(sessionStorage.getItem(this.key) ?? "null");
    if (!kept) return;
    sessionStorage.removeItem(this.key);
    if (kept.sent) return;
    for (const field of this.fields) {
      if (field.value || !kept.words[field.name]) continue;
      field.value = kept.words[field.name];
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }

  // The sign-in page came instead of an answer: what was sent did not arrive.
  unsend() {
    for (const key of Object.keys(sessionStorage).filter((name) => name.startsWith("opora.form:"))) {
      const kept = JSON.parse(sessionStorage.getItem(key));
      sessionStorage.setItem(key, JSON.stringify({ ...kept, sent: false }));
    }
  }
}
