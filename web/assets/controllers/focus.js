import { Controller } from "@hotwired/stimulus";

// Takes the focus when it appears: the summary of a form's faults.
export default class extends Controller {
  connect() { this.element.focus(); }
}
