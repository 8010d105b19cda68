import { Controller } from "@hotwired/stimulus";

// Menus are <details data-menu>: one open at a time, closed by a click elsewhere and by Escape.
export default class extends Controller {
  connect() {
    this.away = ({ target }) => this.closeAll(target.closest?.("[data-menu]"));
    this.escape = (event) => {
      if (event.key !== "Escape") return;
      const open = document.querySelector("[data-menu][open]");
      if (!open) return;
      open.open = false;
      open.querySelector("summary").focus();
    };
    document.addEventListener("click", this.away);
    document.addEventListener("keydown", this.escape);
  }

  disconnect() {
    document.removeEventListener("click", this.away);
    document.removeEventListener("keydown", this.escape);
  }

  closeAll(but) {
    for (const menu of document.querySelectorAll("[data-menu][open]")) if (menu !== but) menu.open = false;
  }
}
