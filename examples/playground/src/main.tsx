/** @file Starts the page. */
import { render } from "preact";
import { App } from "./app.tsx";
import { start } from "./learning.ts";
import "./style.css";

render(<App />, document.querySelector("#app")!);
void start();
if (import.meta.env.MODE === "production" && "serviceWorker" in navigator) {
  void navigator.serviceWorker.register("./sw.js");
}
