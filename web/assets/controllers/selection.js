import { Controller } from "@hotwired/stimulus";

// Picks rows by checkbox, a range with Shift, all by the head's; shows the bar of what can be done with them.
export default class extends Controller {
  static targets = ["box", "all", "bar", "count"];

  connect() { this.show(); }

  pick({ target, shiftKey }) {
    const boxes = this.boxTargets;
    if (shiftKey && this.last) {
      const [from, to] = [boxes.indexOf(this.last), boxes.indexOf(target)].sort((a, b) => a - b);
      for (const box of boxes.slice(from, to + 1)) box.checked = target.checked;
    }
    this.last = target;
    this.show();
  }

  pickAll() {
    for (const box of this.boxTargets) box.checked = this.allTarget.checked;
    this.show();
  }

  show() {
    const picked = this.boxTargets.filter((box) => box.checked).length;
    if (this.hasBarTarget) this.barTarget.hidden = picked === 0;
    if (this.hasCountTarget) this.countTarget.textContent = picked;
    if (this.hasAllTarget) {
      this.allTarget.checked = picked > 0 && picked === this.boxTargets.length;
      this.allTarget.indeterminate = picked > 0 && picked < this.boxTargets.length;
    }
  }
}
