// What both faces need: htmx, and the controllers that layouts and partials name.
import "htmx.org";
import { Application } from "@hotwired/stimulus";
import Ago from "./controllers/ago.js";
import Autosize from "./controllers/autosize.js";
import Bell from "./controllers/bell.js";
import Clipboard from "./controllers/clipboard.js";
import Combobox from "./controllers/combobox.js";
import Countdown from "./controllers/countdown.js";
import Dialog from "./controllers/dialog.js";
import Files from "./controllers/files.js";
import Focus from "./controllers/focus.js";
import Form from "./controllers/form.js";
import Live from "./controllers/live.js";
import Menu from "./controllers/menu.js";
import News from "./controllers/news.js";
import Submit from "./controllers/submit.js";
import Theme from "./controllers/theme.js";
import Toast from "./controllers/toast.js";

export const application = Application.start();

const controllers = {
  ago: Ago, autosize: Autosize, bell: Bell, clipboard: Clipboard, combobox: Combobox, countdown: Countdown,
  dialog: Dialog, files: Files, focus: Focus, form: Form, live: Live, menu: Menu, news: News, submit: Submit,
  theme: Theme, toast: Toast,
};
for (const [name, controller] of Object.entries(controllers)) application.register(name, controller);
