// Media holds what was said and seen, in this page's memory only, and the one
// open microphone or camera. Tracks stop before it tells that they are closed.

import { Device } from "../flow/message";

export type MediaNews =
  | { type: "opened" }
  | { type: "blocked"; why: "missing" | "refused" }
  | { type: "recorded"; seconds: number }
  | { type: "photographed" };

export const longestVoice = 60; // seconds
const longestSide = 1600; // pixels of a photo
const quality = 0.85;
const bitsPerSecond = 24_000;
const recording = "audio/webm;codecs=opus";
const meterEvery = 100; // ms
const longestOpening = 15_000; // ms until a device that says nothing counts as missing

export class Media {
  voice: Blob | null = null;
  photo: Blob | null = null;
  private urls: string[] = [];
  private stream: MediaStream | null = null;
  private recorder: MediaRecorder | null = null;
  private sound: AudioContext | null = null;
  private ticking = 0;
  private player: HTMLAudioElement | null = null;
  private turn = 0; // who opened after a close is too late

  /** meter hears how loud it is, 0 to 1, and the seconds left. */
  constructor(
    private tell: (n: MediaNews) => void,
    private meter: (level: number, left: number) => void,
  ) {}

  async open(device: Device): Promise<void> {
    this.close();
    const turn = this.turn;
    const late = setTimeout(() => this.lost(turn, "missing"), longestOpening);
    try {
      const stream = await navigator.mediaDevices.getUserMedia(wish(device));
      if (turn !== this.turn) return stop(stream);
      this.stream = stream;
      if (device === "voice") this.record(stream, turn);
      for (const track of stream.getTracks()) track.addEventListener("ended", () => this.unplugged(turn));
      this.tell({ type: "opened" });
    } catch (e) {
      this.lost(turn, (e as DOMException).name === "NotAllowedError" ? "refused" : "missing");
    } finally {
      clearTimeout(late);
    }
  }

  /** finish ends a recording, or takes the photo. */
  finish(): void {
    if (this.recorder) this.recorder.stop();
    else void this.take();
  }

  /** close stops every track and the replay, and forgets what was being recorded. */
  close(): void {
    this.turn++;
    clearInterval(this.ticking);
    const recorder = this.recorder;
    this.recorder = null;
    if (recorder && recorder.state !== "inactive") recorder.stop();
    if (this.stream) stop(this.stream);
    this.stream = null;
    this.player?.pause();
    void this.sound?.close();
    this.sound = null;
    for (const video of document.querySelectorAll("video")) video.srcObject = null;
  }

  drop(what: Device): void {
    this[what] = null;
    this.revoke();
  }

  wipe(): void {
    this.close();
    this.voice = this.photo = null;
    this.revoke();
  }

  replay(): void {
    if (!this.voice) return;
    this.player?.pause();
    this.player = new Audio(this.url(this.voice));
    void this.player.play().catch(() => undefined); // a machine without a loudspeaker
  }

  /** attach shows camera and photo in the elements made for them. */
  attach(root: HTMLElement): void {
    const video = root.querySelector("video");
    if (video && this.stream && video.srcObject !== this.stream) {
      video.srcObject = this.stream;
      void video.play().catch(() => undefined); // replaced meanwhile
    }
    const image = root.querySelector<HTMLImageElement>("img.taken");
    if (image && this.photo && !image.src) image.src = this.url(this.photo);
  }

  /** unplugged keeps what was recorded until then. */
  private unplugged(turn: number): void {
    if (turn === this.turn && this.recorder?.state === "recording") this.recorder.stop();
    else this.lost(turn, "missing");
  }

  private lost(turn: number, why: "missing" | "refused"): void {
    if (turn !== this.turn) return;
    this.close();
    this.tell({ type: "blocked", why });
  }

  private record(stream: MediaStream, turn: number): void {
    const pieces: Blob[] = [];
    const began = performance.now();
    const recorder = new MediaRecorder(stream, { mimeType: recording, audioBitsPerSecond: bitsPerSecond });
    recorder.addEventListener("dataavailable", (e) => pieces.push(e.data));
    recorder.addEventListener("error", () => this.lost(turn, "missing"));
    recorder.addEventListener("stop", () => {
      if (turn !== this.turn) return;
      const seconds = Math.max(1, Math.min(longestVoice, Math.round((performance.now() - began) / 1000)));
      this.voice = new Blob(pieces, { type: "audio/webm" });
      this.recorder = null;
      this.close();
      this.tell({ type: "recorded", seconds });
    });
    this.recorder = recorder;
    recorder.start();
    this.watch(stream, began);
  }

  private watch(stream: MediaStream, began: number): void {
    this.sound = new AudioContext();
    const analyser = this.sound.createAnalyser();
    this.sound.createMediaStreamSource(stream).connect(analyser);
    const wave = new Float32Array(analyser.fftSize);
    this.ticking = window.setInterval(() => {
      analyser.getFloatTimeDomainData(wave);
      const left = longestVoice - (performance.now() - began) / 1000;
      this.meter(Math.min(1, 3 * Math.sqrt(wave.reduce((sum, v) => sum + v * v, 0) / wave.length)), Math.max(0, Math.ceil(left)));
      if (left <= 0 && this.recorder?.state === "recording") this.recorder.stop();
    }, meterEvery);
  }

  /** take draws one picture: a canvas knows no place, no time, no camera. */
  private async take(): Promise<void> {
    const video = document.querySelector("video");
    const turn = this.turn;
    if (!video?.videoWidth) return;
    const scale = Math.min(1, longestSide / Math.max(video.videoWidth, video.videoHeight));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    canvas.getContext("2d")!.drawImage(video, 0, 0, canvas.width, canvas.height);
    const photo = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/jpeg", quality));
    canvas.width = canvas.height = 0;
    if (turn !== this.turn) return;
    if (!photo) return this.lost(turn, "missing");
    this.photo = photo;
    this.close();
    this.tell({ type: "photographed" });
  }

  private url(of: Blob): string {
    const url = URL.createObjectURL(of);
    this.urls.push(url);
    return url;
  }

  private revoke(): void {
    this.player?.pause();
    this.player = null;
    for (const url of this.urls) URL.revokeObjectURL(url);
    this.urls = [];
  }
}

function wish(device: Device): MediaStreamConstraints {
  if (device === "voice") return { audio: { channelCount: 1, noiseSuppression: true, autoGainControl: true, echoCancellation: false } };
  return { video: { width: { ideal: 1600 }, height: { ideal: 1200 } } };
}

function stop(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}
