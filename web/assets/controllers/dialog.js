import { Controller } from "@hotwired/stimulus";

// Opens native dialogs by id and closes the one around a button; a click beside it closes it too.
export default class extends Controller {
  connect() {
    this.beside = ({ target }) => { if (target instanceof HTMLDialogElement && target.open) target.close(); };
    this.element.addEventListener("click", this.beside);
  }

  disconnect() { this.element.removeEventListener("click", this.beside); }

  open({ params }) { document.getElementById(params.id)?.showModal(); }
  close({ target }) { target.closest("dialog")?.close(); }
}
