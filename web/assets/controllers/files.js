import { Controller } from "@hotwired/stimulus";

// Lists what was picked, and takes files that are dropped or pasted anywhere in the form.
export default class extends Controller {
  static targets = ["input", "list"];

  connect() {
    this.form = this.element.closest("form") ?? this.element;
    this.take = (event) => {
      const files = (event.clipboardData ?? event.dataTransfer)?.files;
      if (!files?.length) return;
      event.preventDefault();
      const all = new DataTransfer();
      for (const file of [...this.inputTarget.files, ...files]) all.items.add(file);
      this.inputTarget.files = all.files;
      this.list();
    };
    this.over = (event) => event.preventDefault();
    this.form.addEventListener("paste", this.take);
    this.form.addEventListener("drop", this.take);
    this.form.addEventListener("dragover", this.over);
  }

  disconnect() {
    this.form.removeEventListener("paste", this.take);
    this.form.removeEventListener("drop", this.take);
    this.form.removeEventListener("dragover", this.over);
  }

  list() {
    const format = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 1 });
    this.listTarget.replaceChildren(...[...this.inputTarget.files].map((file) => {
      const item = document.createElement("li");
      const name = document.createElement("span");
      const size = document.createElement("span");
      name.textContent = file.name;
      size.textContent = `${format.format(file.size / 1024)} KiB`;
      size.className = "quiet";
      item.append(name, size);
      return item;
    }));
  }
}
