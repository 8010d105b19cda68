import { Controller } from "@hotwired/stimulus";

// List and detail: where there is room for one, an opened detail takes the place of the list.
export default class extends Controller {
  static targets = ["detail"];

  connect() {
    this.swapped = ({ target }) => {
      if (target !== this.detailTarget && !this.detailTarget.contains(target)) return;
      this.element.dataset.open = "detail";
      this.detailTarget.scrollTop = 0;
    };
    this.marked = ({ target }) => {
      const row = target.closest?.("tr[data-ticket]");
      if (row && target.closest("a")) this.mark(row);
    };
    this.element.addEventListener("htmx:after:swap", this.swapped);
    this.element.addEventListener("click", this.marked);
  }

  disconnect() {
    this.element.removeEventListener("htmx:after:swap", this.swapped);
    this.element.removeEventListener("click", this.marked);
  }

  // The link back to the list says the list's address.
  back({ currentTarget }) {
    delete this.element.dataset.open;
    if (currentTarget.href) history.replaceState(history.state, "", currentTarget.href);
  }

  mark(row) {
    for (const other of this.element.querySelectorAll("tr[aria-current]")) other.removeAttribute("aria-current");
    row.setAttribute("aria-current", "true");
  }
}
