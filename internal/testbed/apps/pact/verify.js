// Verifies a Pact against a service, as a team that uses Pact does:
//
//	node verify.js FILE http://SERVICE
//
// ends with 0 when the service keeps the contract, with 1 when it does not, and
// with 2 when the contract cannot be read or has no interaction.
const { readFileSync } = require("node:fs");
const { default: pact } = require("@pact-foundation/pact-core");

const [file, providerBaseUrl] = process.argv.slice(2);
const { interactions, provider } = JSON.parse(readFileSync(file, "utf8"));
if (interactions.length === 0) {
  console.error("no interaction");
  process.exit(2);
}
pact.verifyPacts({ providerBaseUrl, provider: provider.name, pactUrls: [file], logLevel: "error" }).then(
  (output) => {
    console.log(output);
    console.log(`verified: ${interactions.length} interactions`);
  },
  (err) => {
    console.error(String(err));
    process.exitCode = 1;
  },
);
