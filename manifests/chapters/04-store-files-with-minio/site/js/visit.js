const now = new Date().toLocaleTimeString();
document.getElementById("visit").textContent = `You opened it at ${now}.`;
