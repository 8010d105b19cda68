import { Controller } from "@hotwired/stimulus";

// A message goes by itself after a while, not while it is pointed at or holds the focus; what went wrong stays.
export default class extends Controller {
  connect() {
    if (this.element.classList.contains("toast-wrong")) return;
    const wait = this.element.querySelector("form") ? 30_000 : 8_000;
    this.timer = setInterval(() => { if (!this.element.matches(":hover, :focus-within")) this.close(); }, wait);
  }

  disconnect() { clearInterval(this.timer); }
  close() { this.element.remove(); }
}
