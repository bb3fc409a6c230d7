// Why the pictures may be read as the network.

import * as state from "./state";

export function Verdict() {
  const document = state.documentNow.value;
  if (!document) return null;
  return (
    <p class={`verdict ${document.equivalent ? "good" : "bad"}`} id="verdict">
      <strong>{document.equivalent ? "Equivalent" : "NOT equivalent"}</strong> <span>{document.equivalent ? document.line : `${document.verdict} ${document.line}`}</span>
    </p>
  );
}

export function Certificate() {
  const document = state.documentNow.value;
  if (!document) return null;
  return (
    <section class="certificate" id="certificate" aria-labelledby="certificate-title">
      <h2 id="certificate-title">Certificate</h2>
      <p class="lead">{document.verdict}</p>
      <dl class="facts">
        {[...document.facts, ...document.times].map(({ name, value, note }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              {value}
              {note && <span class="quiet">{note}</span>}
            </dd>
          </div>
        ))}
      </dl>
      <dl class="hashes">
        {document.hashes.map(({ name, value }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
