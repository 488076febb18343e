// Show the state that the controls choose. Arguments, from page.py: the models `points`,
// `hidden`, `sparsity`, `reduction`, `seed`, `step` (controls), `features_source`,
// `points_source`, `features_rank`, `points_rank`, `curves`, `marker`, `numbers`,
// `ranges` (one pair of ranges for features, one for points), and what was computed:
// `packed`, `steps`, `dimension`.
const key = [points, hidden, sparsity, reduction, seed].map((it) => it.value).join("|");
globalThis.explorerStates ??= JSON.parse(packed); // once, not at every move
const state = globalThis.explorerStates[key];
const index = step.value;

const whole = (text) =>
  new Int16Array(Uint8Array.from(atob(text), (it) => it.charCodeAt(0)).buffer);
const at = (all, width) => all.subarray(index * width, (index + 1) * width);
const rounded = (value) => Number(value.toPrecision(3));

const show = (name, source, rank, sizes) => {
  const unit = state.scale[name] / 32767;
  const all = whole(state[name]);
  const now = at(all, all.length / steps.length);
  const x = [], y = [], dimensionality = [];
  const counted = whole(state[sizes]);
  for (const it of at(counted, counted.length / steps.length))
    dimensionality.push(rounded(it * dimension));
  for (let i = 0; i < now.length; i += 2) {
    x.push(rounded(now[i] * unit));
    y.push(rounded(now[i + 1] * unit));
  }
  const zero = x.map(() => 0);
  source.data = { x, y, dimensionality, x0: zero, y0: zero };
  const sorted = [...dimensionality].sort((a, b) => b - a);
  rank.data = { rank: sorted.map((_, i) => i + 1), dimensionality: sorted };
  // The scale is that of all steps, so that vectors can be seen to grow.
  for (const range of ranges[name]) {
    range.start = -1.1 * state.scale[name];
    range.end = 1.1 * state.scale[name];
  }
};

show("features", features_source, features_rank, "feature_dimensionality");
show("points", points_source, points_rank, "point_dimensionality");
curves.data = { step: [...steps], train: state.train_loss, test: state.test_loss };
marker.location = steps[index];
step.title = `Step ${steps[index].toLocaleString("en")} of ${steps.at(-1).toLocaleString("en")}`;
const row = (name, value) => `<tr><td>${name}&nbsp;</td><td><b>${value}</b></td></tr>`;
numbers.text =
  "<table>" +
  row("train loss", state.train_loss[index]) +
  row("test loss", state.test_loss[index]) +
  row("gap", rounded(state.test_loss[index] - state.train_loss[index])) +
  row("features above 0.15", state.own_directions[index]) +
  row("largest feature dimensionality", features_rank.data.dimensionality[0]) +
  row("largest point dimensionality", points_rank.data.dimensionality[0]) +
  row("‖W‖", state.length[index]) +
  "</table>";
