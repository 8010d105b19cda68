import { Controller } from "@hotwired/stimulus";

// Changes the theme at once and tells the server, which remembers it. Without a script the form does the same.
export default class extends Controller {
  choose(event) {
    const button = event.target.closest("button[name=theme]");
    if (!button) return;
    event.preventDefault();
    document.documentElement.dataset.theme = button.value;
    for (const other of this.element.querySelectorAll("button")) other.removeAttribute("aria-current");
    button.setAttribute("aria-current", "true");
    fetch(this.element.action, { method: "POST", body: new URLSearchParams({ theme: button.value }), redirect: "manual" });
    this.element.closest("details").open = false;
  }
}
