// A soft chime for who does not look at the screen when it asks "still here?":
// a time limit is told to more than one sense.

const notes = [659, 523]; // Hz
const each = 0.28; // s

/** chime sounds once; a machine without a loudspeaker stays silent. */
export function chime(): void {
  const sound = new AudioContext();
  const volume = new GainNode(sound, { gain: 0.12 });
  volume.connect(sound.destination);
  notes.forEach((frequency, i) => {
    const note = new OscillatorNode(sound, { frequency });
    note.connect(volume);
    note.start(sound.currentTime + i * each);
    note.stop(sound.currentTime + (i + 1) * each);
    if (i === notes.length - 1) note.addEventListener("ended", () => void sound.close());
  });
}
