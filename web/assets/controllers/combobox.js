import { Controller } from "@hotwired/stimulus";

// Find by typing: the ARIA pattern "editable combobox with list". The input asks by htmx (event combobox:ask) and the
// answer, partial "options", lands in the list. The hidden value is empty while the words are not a choice.
export default class extends Controller {
  static targets = ["input", "list", "value"];

  connect() {
    this.on(this.inputTarget, "input", () => this.typed());
    this.on(this.inputTarget, "keydown", (event) => this.key(event));
    this.on(this.inputTarget, "blur", () => setTimeout(() => this.close(), 150));
    this.on(this.listTarget, "pointerdown", (event) => event.preventDefault());
    this.on(this.listTarget, "click", ({ target }) => this.choose(target.closest("[role=option]")));
    this.filled = new MutationObserver(() => this.open());
    this.filled.observe(this.listTarget, { childList: true });
  }

  disconnect() { this.filled.disconnect(); }

  on(element, type, handler) { element.addEventListener(type, handler); }

  get options() { return [...this.listTarget.querySelectorAll("[role=option]")]; }
  get active() { return this.listTarget.querySelector("[aria-selected=true]"); }

  typed() {
    this.setValue("");
    if (this.inputTarget.value.trim().length < 2) return this.close();
    this.asking = true;
    this.inputTarget.dispatchEvent(new CustomEvent("combobox:ask"));
  }

  key(event) {
    const options = this.options;
    const at = options.indexOf(this.active);
    const shown = !this.listTarget.hidden;
    switch (event.key) {
      case "ArrowDown":
        event.preventDefault();
        if (!shown) return this.ask();
        return this.mark(options[(at + 1) % options.length]);
      case "ArrowUp":
        event.preventDefault();
        return shown && this.mark(options[(at - 1 + options.length) % options.length]);
      case "Enter":
        if (!shown || !this.active) return;
        event.preventDefault();
        return this.choose(this.active);
      case "Escape":
        if (!shown) return;
        event.stopPropagation();
        return this.close();
    }
  }

  ask() {
    this.asking = true;
    this.inputTarget.dispatchEvent(new CustomEvent("combobox:ask"));
  }

  open() {
    if (!this.asking || document.activeElement !== this.inputTarget) return;
    this.listTarget.hidden = false;
    this.inputTarget.setAttribute("aria-expanded", "true");
  }

  close() {
    this.asking = false;
    this.listTarget.hidden = true;
    this.inputTarget.setAttribute("aria-expanded", "false");
    this.inputTarget.removeAttribute("aria-activedescendant");
  }

  mark(option) {
    if (!option) return;
    this.active?.setAttribute("aria-selected", "false");
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    this.inputTarget.setAttribute("aria-activedescendant", option.id);
  }

  choose(option) {
    if (!option) return;
    this.inputTarget.value = option.dataset.text;
    this.setValue(option.dataset.value);
    this.close();
  }

  setValue(value) {
    if (this.valueTarget.value === value) return;
    this.valueTarget.value = value;
    this.valueTarget.dispatchEvent(new Event("change", { bubbles: true }));
  }
}
