// Shows new comments without a reload: all of them on the list of tickets (an
// event stream), those of one ticket on its page (a WebSocket). Without
// JavaScript the forms do the same work.
"use strict";

function add(list, parts) {
  const item = document.createElement("li");
  item.append(...parts);
  list.append(item);
}

function bold(text) {
  const element = document.createElement("b");
  element.textContent = text;
  return element;
}

const events = document.getElementById("events");
if (events) {
  new EventSource(events.dataset.events).addEventListener("comment", (event) => {
    const comment = JSON.parse(event.data);
    add(events, [bold(comment.author), ` #${comment.ticket} ${comment.text}`]);
  });
}

const comments = document.getElementById("comments");
if (comments) {
  const address = new URL(comments.dataset.chat, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  const socket = new WebSocket(address);
  socket.onmessage = (message) => {
    const comment = JSON.parse(message.data);
    if (comment.text) {
      add(comments, [bold(comment.author), " ", comment.text]);
    }
  };
  const form = document.getElementById("comment");
  form.addEventListener("submit", (event) => {
    if (socket.readyState === WebSocket.OPEN) {
      event.preventDefault();
      socket.send(JSON.stringify({ text: form.elements.text.value }));
      form.reset();
    }
  });
}
