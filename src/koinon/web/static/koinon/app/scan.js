// Reading codes: with the camera, and with a scanner that types.

let reader;

// The browser's own reader where it has one for QR codes, else the library, which is loaded when first needed.
async function made() {
  if ("BarcodeDetector" in window) {
    try {
      if ((await BarcodeDetector.getSupportedFormats()).includes("qr_code")) {
        const detector = new BarcodeDetector({ formats: ["qr_code"] });
        return async (canvas) => (await detector.detect(canvas))[0]?.rawValue;
      }
    } catch {
      // Then it has none.
    }
  }
  const { decodeQR } = await import("../../made/qr/decode.js");
  return async (canvas) => {
    const { width, height } = canvas;
    try {
      return decodeQR(canvas.getContext("2d").getImageData(0, 0, width, height));
    } catch {
      return undefined; // No code in this picture.
    }
  };
}

export function prepare() {
  reader ??= made();
  reader.catch(() => (reader = undefined));
  return reader;
}

const EDGE = 800; // A code that fills a fifth of the picture is read from this many pixels.

// Shows the camera in ``video`` and calls ``found(text)`` for each code until the returned ``stop`` is called; ``found``
// says true when it takes the code, which ends it too. Throws "camera-refused" or "camera-missing".
export async function camera(video, found) {
  if (!navigator.mediaDevices?.getUserMedia) throw new Error("camera-missing");
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      audio: false,
      video: { facingMode: { ideal: "environment" }, width: { ideal: 1280 }, height: { ideal: 720 } },
    });
  } catch (refused) {
    throw new Error(refused.name === "NotAllowedError" ? "camera-refused" : "camera-missing");
  }
  let running = true;
  const stop = () => {
    running = false;
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  };
  video.srcObject = stream;
  video.muted = true;
  video.setAttribute("playsinline", "");
  try {
    const [read] = await Promise.all([prepare(), video.play()]);
    look(read);
  } catch (failed) {
    stop();
    throw failed.name === "AbortError" ? new Error("camera-stopped") : failed;
  }
  return { stop, torch: torch(stream) };

  async function look(read) {
    const canvas = document.createElement("canvas");
    const context = canvas.getContext("2d", { willReadFrequently: true });
    for (let turn = 0; running; turn += 1) {
      await frame(video);
      if (!running || !video.videoWidth) continue;
      cut(video, canvas, context, turn);
      const text = await read(canvas);
      if (running && text && found(text)) stop();
    }
  }
}

// In turn: all of the picture, its middle, and its middle closer, for a card at arm's length.
const LOOKS = [[1, 1], [0, 1], [0, 0.55]];

function cut(video, canvas, context, turn) {
  const { videoWidth: width, videoHeight: height } = video;
  const [whole, share] = LOOKS[turn % LOOKS.length];
  const square = Math.min(width, height) * share;
  const [across, down] = whole ? [width, height] : [square, square];
  const scale = Math.min(1, EDGE / Math.max(across, down));
  canvas.width = Math.round(across * scale);
  canvas.height = Math.round(down * scale);
  context.drawImage(video, (width - across) / 2, (height - down) / 2, across, down, 0, 0, canvas.width, canvas.height);
}

function frame(video) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 250);
    const next = () => {
      clearTimeout(timer);
      setTimeout(resolve, 20); // The page breathes between two looks.
    };
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(next);
    else requestAnimationFrame(next);
  });
}

// The lamp beside the camera, where there is one: a function that switches it, or undefined.
function torch(stream) {
  const [track] = stream.getVideoTracks();
  if (!track?.getCapabilities?.().torch) return undefined;
  return (on) => track.applyConstraints({ advanced: [{ torch: on }] });
}

const QUICK = 120; // Milliseconds between two keys; whoever types a dozen digits that fast means the same by them.

// A scanner that is plugged in types its code and Enter. Calls ``found(text, began)``, with when its first key came, and takes the keys away from whatever has
// the focus, except for the first few, which a field may have got: its value is put back. Returns a function that ends it.
export function keyboard(found) {
  let typed = "";
  let last = 0;
  let began = 0;
  let field;
  let before = "";
  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const now = event.timeStamp;
    if (now - last > QUICK) {
      typed = "";
      began = now;
      field = event.target instanceof HTMLInputElement ? event.target : undefined;
      before = field?.value ?? "";
    }
    last = now;
    if (event.key === "Enter" && typed.length >= 12) {
      const text = typed;
      typed = "";
      event.preventDefault();
      event.stopImmediatePropagation();
      if (field) field.value = before;
      found(text, began);
    } else if (event.key === "Enter") {
      typed = ""; // An amount, or a digit: what is scanned right after it is not more of the same.
    } else if (event.key.length === 1) {
      typed += event.key;
      if (typed.length > 200) typed = "";
    }
  };
  addEventListener("keydown", onKey, true);
  return () => removeEventListener("keydown", onKey, true);
}
