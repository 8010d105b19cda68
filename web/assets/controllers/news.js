import { Controller } from "@hotwired/stimulus";

// "3 new": nothing jumps while one reads. Counts tickets that changed and are not on show; with a ticket value it
// counts changes of that one.
export default class extends Controller {
  static targets = ["text"];
  static values = { one: String, few: String, many: String, other: String, ticket: Number };

  connect() {
    this.seen = new Set();
    this.plural = new Intl.PluralRules(document.documentElement.lang);
    this.hear = ({ detail }) => {
      if (this.ticketValue ? detail.id !== this.ticketValue : document.querySelector(`[data-ticket="${CSS.escape(detail.id)}"]`)) return;
      this.seen.add(this.ticketValue ? detail.version : detail.id);
      const form = { one: this.oneValue, few: this.fewValue, many: this.manyValue }[this.plural.select(this.seen.size)] ?? this.otherValue;
      this.textTarget.textContent = form.replace("%", this.seen.size);
      this.element.hidden = false;
    };
    document.addEventListener("opora:ticket", this.hear);
  }

  disconnect() { document.removeEventListener("opora:ticket", this.hear); }
}
