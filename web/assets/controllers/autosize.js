import { Controller } from "@hotwired/stimulus";

// A text that grows with what is typed, where the browser cannot do it by itself (field-sizing).
export default class extends Controller {
  connect() {
    if (CSS.supports("field-sizing", "content")) return;
    this.grow = () => {
      this.element.style.height = "auto";
      this.element.style.height = `${this.element.scrollHeight + 2}px`;
    };
    this.element.addEventListener("input", this.grow);
    this.grow();
  }

  disconnect() {
    if (this.grow) this.element.removeEventListener("input", this.grow);
  }
}
