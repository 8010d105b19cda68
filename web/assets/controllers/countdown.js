import { Controller } from "@hotwired/stimulus";
import { duration, every } from "./duration.js";

// "due in 18 min", then "2 min over". The colour is the server's: it knows when a target is at risk.
export default class extends Controller {
  static values = { due: String, left: String, over: String };

  connect() { this.stop = every(() => this.say()); }
  disconnect() { this.stop(); }

  say() {
    const left = Date.parse(this.dueValue) - Date.now();
    this.element.textContent = (left >= 0 ? this.leftValue : this.overValue).replace("%", duration(left));
  }
}
