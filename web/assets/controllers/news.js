import { Controller } from "@hotwired/stimulus";

// "3 new": nothing jumps while one reads. Counts tickets that changed and are not on show; with a ticket value it
// counts changes of that one. A check value is the address of a ticket's row in the list, "%" its number: a ticket whose
// row is empty does not belong to the list.
export default class extends Controller {
  static targets = ["text"];
  static values = { one: String, few: String, many: String, other: String, ticket: Number, check: String };

  connect() {
    this.seen = new Set();
    this.plural = new Intl.PluralRules(document.documentElement.lang);
    this.hear = async ({ detail }) => {
      if (this.ticketValue ? detail.id !== this.ticketValue : document.querySelector(`[data-ticket="${CSS.escape(detail.id)}"]`)) return;
      if (this.checkValue && !(await this.belongs(detail.number))) return;
      this.seen.add(this.ticketValue ? detail.version : detail.id);
      const form = { one: this.oneValue, few: this.fewValue, many: this.manyValue }[this.plural.select(this.seen.size)] ?? this.otherValue;
      this.textTarget.textContent = form.replace("%", this.seen.size);
      this.element.hidden = false;
    };
    document.addEventListener("opora:ticket", this.hear);
  }

  async belongs(number) {
    const answer = await fetch(this.checkValue.replace("%", number), { headers: { "HX-Request": "true" } });
    return answer.ok && (await answer.text()).includes("<tr");
  }

  disconnect() { document.removeEventListener("opora:ticket", this.hear); }
}
