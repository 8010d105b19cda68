import { Controller } from "@hotwired/stimulus";

// A dialog that came open with the page, or was fetched, stands over it. Without a script it stands in the page.
export default class extends Controller {
  connect() {
    this.element.close();
    this.element.showModal();
    (this.element.querySelector("[role=alert]") ?? this.element.querySelector("form input:not([type=hidden]), form select, form textarea"))?.focus();
  }
}
