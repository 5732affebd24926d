// What the tests are given: the packages, which lie outside the checkout (SDK_PACKAGES, of `environment node`), and the
// list of models that test_ai.py wrote (SDK_GIVEN): of each type of provider the name by recording, and what that says.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const packages = createRequire(`${process.env.SDK_PACKAGES}/package.json`);
export const { APICallError, Output, generateText, jsonSchema, stepCountIs, streamText, tool } = packages("ai");
const { createAnthropic } = packages("@ai-sdk/anthropic");
const { createGoogleGenerativeAI } = packages("@ai-sdk/google");
const { createOpenAI } = packages("@ai-sdk/openai");
export const { proxy, key, question, called, book, types } = JSON.parse(readFileSync(process.env.SDK_GIVEN, "utf8"));

const openai = createOpenAI({ apiKey: key, baseURL: `${proxy}/v1` });
const anthropic = createAnthropic({ apiKey: key, baseURL: `${proxy}/v1` });
const google = createGoogleGenerativeAI({ apiKey: key, baseURL: `${proxy}/v1beta` });

// The models of each provider of the SDK, by name, and what it has to be told.
export const clients = {
  "openai.chat": { model: (name) => openai.chat(name) },
  // It must not refer to answers that nobody keeps.
  "openai.responses": { model: (name) => openai.responses(name), options: { openai: { store: false } } },
  // Output by schema is not to be asked for as the call of a tool, which the recordings do not hold.
  anthropic: {
    model: (name) => anthropic(name),
    options: { anthropic: { structuredOutputMode: "outputFormat" } },
  },
  google: { model: (name) => google(name) },
};

// The SDK warns of what a model of an unknown name may not be able to do.
globalThis.AI_SDK_LOG_WARNINGS = false;
