import { Controller } from "@hotwired/stimulus";

// A form is sent once. A page that comes back from the browser's memory may be sent again.
export default class extends Controller {
  connect() {
    this.once = (event) => {
      const form = event.target;
      if (form.method !== "post" || event.defaultPrevented || form.hasAttribute("hx-post")) return;
      if (form.dataset.sent) return event.preventDefault();
      form.dataset.sent = "true";
      event.submitter?.setAttribute("aria-busy", "true");
    };
    this.again = () => {
      for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
      for (const button of document.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
    };
    document.addEventListener("submit", this.once);
    window.addEventListener("pageshow", this.again);
  }

  disconnect() {
    document.removeEventListener("submit", this.once);
    window.removeEventListener("pageshow", this.again);
  }
}
