// The pages work without this. It spares reloads: a form that the server shapes anew (rows added,
// a CRM chosen) is put in place, and what a rule says in words follows the typing.

"use strict";

document.documentElement.classList.add("scripted");

const SIGNED_OUT = "You are signed out. Sign in in another tab, then go on here.";

async function send(form, address, submitter) {
  const response = await fetch(address, { method: "POST", body: new FormData(form, submitter) });
  return { isGood: response.ok, isSignedOut: response.redirected, text: await response.text() };
}

async function reshape(form, submitter, focus) {
  if (form.inert) return; // on its way already
  form.inert = true; // what is typed meanwhile would be lost
  if (submitter.id === "try-button") document.getElementById("told").textContent = "Asking the CRM …";
  clearTimeout(waiting);
  // not form.action and form.id: where an input is called "id", they are that input
  const [address, id] = [form.getAttribute("action"), form.getAttribute("id")];
  const answer = await send(form, address, submitter).finally(() => { form.inert = false; });
  if (answer.isSignedOut) return tellSignedOut(form);
  const page = new DOMParser().parseFromString(answer.text, "text/html");
  const shaped = page.getElementById(id);
  if (!shaped) return form.requestSubmit(submitter); // a fault: let the whole page say it
  replace(form, shaped, page);
  const wanted = ["summary", shaped.dataset.focus, ...focus].map((one) => document.getElementById(one));
  const focused = wanted.find(Boolean);
  focused?.focus();
  if (focused?.dataset.follow !== undefined) focused.setSelectionRange(focused.value.length, focused.value.length);
}

// the same while somebody types on: what they typed meanwhile is sent once more, and none of it lost
async function reshapeMeanwhile(form) {
  const before = written(form);
  const answer = await send(form, form.getAttribute("action"), form.querySelector("#reshape"));
  if (!form.isConnected || form.inert || isLeaving) return; // shaped anew, or sent, by a button
  if (answer.isSignedOut) return tellSignedOut(form);
  if (written(form) !== before) return reshapeMeanwhile(form);
  const page = new DOMParser().parseFromString(answer.text, "text/html");
  const shaped = page.getElementById(form.getAttribute("id"));
  if (!shaped) return;
  const { id, selectionStart, selectionEnd } = document.activeElement;
  replace(form, shaped, page);
  const focused = document.getElementById(id);
  focused?.focus();
  if (typeof selectionStart === "number") focused?.setSelectionRange(selectionStart, selectionEnd);
}

function written(form) {
  return new URLSearchParams(new FormData(form)).toString();
}

function replace(form, shaped, page) {
  form.replaceWith(shaped);
  for (const beside of document.querySelectorAll("[data-reshaped]")) {
    beside.replaceChildren(...page.getElementById(beside.id).childNodes);
  }
}

let isSignedOut = false;

function tellSignedOut(form) {
  isSignedOut = true;
  form.querySelector(".signed-out")?.remove();
  const notice = paragraph(SIGNED_OUT);
  notice.className = "alert alert-warning signed-out";
  notice.setAttribute("role", "alert");
  notice.tabIndex = -1;
  form.prepend(notice);
  notice.focus();
}

function paragraph(text) {
  const made = document.createElement("p");
  made.textContent = text;
  return made;
}

let waiting;

function say(form) {
  const words = document.getElementById(form.dataset.words);
  if (!words) return;
  clearTimeout(waiting);
  waiting = setTimeout(async () => {
    const answer = await send(form, form.dataset.wordsAt);
    if (!form.isConnected) return; // shaped anew meanwhile, and the words with it
    if (answer.isSignedOut) {
      isSignedOut = true;
      words.replaceChildren(paragraph(SIGNED_OUT));
    } else if (answer.isGood) words.innerHTML = answer.text;
  }, 250);
}

// a new session has another token against forgery: who comes back from signing in gets it
document.addEventListener("visibilitychange", async () => {
  if (document.hidden || !isSignedOut) return;
  const answer = await fetch(location.href);
  if (answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const { value } = page.querySelector("input[name=csrf_token]");
  document.querySelectorAll("input[name=csrf_token]").forEach((one) => { one.value = value; });
  document.querySelectorAll(".signed-out").forEach((one) => one.remove());
  document.querySelectorAll("form[data-words]").forEach(say);
  isSignedOut = false;
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-reshape]");
  if (!button || !button.form) return;
  event.preventDefault();
  if (button.name !== "do") touch(); // rows added, moved or removed
  reshape(button.form, button, [...(button.dataset.focus ?? "").split(" "), button.id]);
});

document.addEventListener("change", (event) => {
  if (!event.target.closest("[data-reshapes]")) return;
  const { form, id } = event.target;
  reshape(form, form.querySelector("#reshape"), [id]);
});

let naming;

// a field that the CRM knows brings the operators and values that fit it; not while one types on
function followField(input) {
  clearTimeout(naming);
  document.getElementById(`${input.id}-known`)?.replaceChildren(); // about what stood there before
  if (![...(input.list?.options ?? [])].some((one) => one.value === input.value)) return;
  naming = setTimeout(() => {
    if (document.activeElement !== input) return; // left by now: its change has been followed
    reshape(input.form, input.form.querySelector("#reshape"), [input.id]);
  }, 400);
}

let isPressed = false;
document.addEventListener("pointerdown", () => { isPressed = true; });
for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => { isPressed = false; }, true);

// whoever leaves the input sees at once what fits, or that there is no such field; the focus stays
// where it went, and a button that was pressed meanwhile comes first
function followLeft(input) {
  clearTimeout(naming);
  if (!input.list?.options.length || !document.getElementById("field-known")) return;
  const follow = () => {
    if (input.isConnected && !isLeaving) reshapeMeanwhile(input.form);
  };
  if (isPressed) document.addEventListener("pointerup", () => setTimeout(follow, 50), { once: true });
  else setTimeout(follow);
}

document.addEventListener("change", (event) => {
  if (event.target.dataset.follow !== undefined) followLeft(event.target);
});

let isTouched = false;
let isLeaving = false;

function touch() {
  if (!isTouched) addEventListener("beforeunload", ask);
  isTouched = true;
}

function ask(event) {
  if (!isLeaving) event.preventDefault(); // the browser asks whether to leave
}

document.addEventListener("submit", () => { isLeaving = true; });

// what is restored in a form that is come back to may have other fields than those of the page
addEventListener("pageshow", () => {
  isLeaving = false;
  const input = [...document.querySelectorAll("[data-reshapes], [data-follow]")].find(isRestored);
  const button = input?.form?.querySelector("#reshape");
  if (!button) return;
  touch();
  reshape(input.form, button, []);
});

function isRestored(input) {
  if (input.type === "radio") return input.checked && !input.defaultChecked;
  if (!input.options) return input.value !== input.defaultValue && input.list?.options.length;
  const options = [...input.options];
  return !(options.find((one) => one.defaultSelected) ?? options[0])?.selected;
}

document.addEventListener("input", (event) => {
  if (event.target.closest("form#form")) touch();
  if (event.target.dataset.follow !== undefined) followField(event.target);
  if (event.target.form) say(event.target.form);
});

document.addEventListener("keydown", (event) => {
  const { enter } = event.target.dataset;
  if (event.key !== "Enter" || event.isComposing || !enter) return;
  event.preventDefault(); // it would press the first button of the form
  document.getElementById(enter).click();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  document.querySelectorAll("details.who[open]").forEach((one) => one.removeAttribute("open"));
});

const first = document.querySelector("#summary, #conflict");
if (first) {
  first.focus();
  touch(); // what is shown again was not saved
}
