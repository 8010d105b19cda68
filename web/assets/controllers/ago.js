import { Controller } from "@hotwired/stimulus";
import { duration, every } from "./duration.js";

// "5 min ago" that stays true. After six days the server's date stands.
export default class extends Controller {
  static values = { past: String, now: String };

  connect() { this.stop = every(() => this.say()); }
  disconnect() { this.stop(); }

  say() {
    const passed = Date.now() - Date.parse(this.element.dateTime);
    if (passed > 6 * 86_400_000) return;
    this.element.textContent = passed < 60_000 ? this.nowValue : this.pastValue.replace("%", duration(passed));
  }
}
