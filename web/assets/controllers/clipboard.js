import { Controller } from "@hotwired/stimulus";

// A button that copies its text and says so for two seconds.
export default class extends Controller {
  static values = { text: String, done: String };

  async copy() {
    await navigator.clipboard.writeText(this.textValue);
    const before = this.element.textContent;
    this.element.textContent = this.doneValue;
    setTimeout(() => { this.element.textContent = before; }, 2000);
  }
}
