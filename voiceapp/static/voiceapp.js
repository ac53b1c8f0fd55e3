// The pages work without this. It spares reloads: a form that the server shapes anew (rows added,
// a CRM chosen) is put in place, and what a rule says in words follows the typing.

"use strict";

document.documentElement.classList.add("scripted");

const send = (form, address, submitter) =>
  fetch(address, { method: "POST", body: new FormData(form, submitter) });

async function reshape(form, submitter, focus) {
  const response = await send(form, form.action, submitter);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const shaped = page.getElementById(form.id);
  if (!shaped) { // signed out meanwhile, or a fault: let the whole page say it
    form.requestSubmit(submitter);
    return;
  }
  form.replaceWith(shaped);
  const next = document.getElementById(shaped.dataset.focus) || document.getElementById(focus);
  if (next) next.focus();
  say(shaped);
}

let waiting;

function say(form) {
  const words = document.getElementById(form.dataset.words);
  if (!words) return;
  clearTimeout(waiting);
  waiting = setTimeout(async () => {
    const response = await send(form, form.dataset.wordsAt);
    if (response.ok) words.innerHTML = await response.text();
  }, 250);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-reshape]");
  if (!button || !button.form) return;
  event.preventDefault();
  reshape(button.form, button, button.id);
});

document.addEventListener("change", (event) => {
  if (!event.target.closest("[data-reshapes]")) return;
  const { form, id } = event.target;
  reshape(form, form.querySelector("#reshape"), id);
});

document.addEventListener("input", (event) => event.target.form && say(event.target.form));

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  document.querySelectorAll("details.who[open]").forEach((one) => one.removeAttribute("open"));
});

const first = document.querySelector("#summary, #conflict");
if (first) first.focus();
