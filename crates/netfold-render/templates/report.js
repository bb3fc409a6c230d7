"use strict";
const slider = document.getElementById("opacity");
const show = () => document.documentElement.style.setProperty("--veil", slider.value / 100);
slider.addEventListener("input", show);
slider.parentElement.hidden = false;
show();
