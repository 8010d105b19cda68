import { Controller } from "@hotwired/stimulus";

// The number at the bell. An event "bell" brings {"unread": n}.
export default class extends Controller {
  static targets = ["count"];

  connect() {
    this.hear = ({ detail }) => {
      this.countTarget.textContent = detail.unread;
      this.countTarget.hidden = !detail.unread;
    };
    document.addEventListener("opora:bell", this.hear);
  }

  disconnect() { document.removeEventListener("opora:bell", this.hear); }
}
