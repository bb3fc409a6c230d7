// What the page says to whoever has no token.

import * as state from "./state";

export function Locked({ wrong }: { wrong: boolean }) {
  const again = state.documentNow.value !== null;
  const title = "This page needs its token";
  const words = (
    <>
      {again ? <h2>{title}</h2> : <h1>{title}</h1>}
      <p class="lead">{wrong ? "The explorer was started anew, or the token of this address is another one's." : "This address has no token."}</p>
      <p>
        Open the address that <code>netfold explore</code> printed in its terminal, all of it: it ends in <code>#token=</code> and 48
        characters. Each start of the explorer has a new token.
      </p>
      <p>
        A link to a view holds no token. Open the printed address first and leave it open; then the link opens in the same browser, at
        the same address.
      </p>
    </>
  );
  // What was loaded before stays; the page has one main part and one title.
  return again ? (
    <section class="locked again" role="alert">
      {words}
    </section>
  ) : (
    <main class="locked">{words}</main>
  );
}
