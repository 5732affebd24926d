// The `ai` SDK with each of its providers against every type of provider, served from recordings: what it hears is what
// the recording says.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  APICallError, Output, book, called, clients, generateText, jsonSchema, question, stepCountIs, streamText, tool, types,
} from "./given.mjs";

const MANY = 8; // tests at the same time

for (const [client, { model, options }] of Object.entries(clients)) {
  for (const [type, { models, facts }] of Object.entries(types)) {
    const asked = (recording, more) => ({
      model: model(models[recording]),
      system: "Be brief.",
      prompt: question,
      maxRetries: 0,
      providerOptions: options,
      onError: () => {}, // a stream would write it to the console
      ...more,
    });
    const assertUsage = (usage, recording) => {
      const { input_total, output_total } = facts[recording].usage;
      assert.deepEqual([usage.inputTokens, usage.outputTokens], [input_total, output_total]);
    };

    describe(`${client} at ${type}`, { concurrency: MANY }, () => {
      test("text", async () => {
        const answer = await generateText(asked("text-basic"));
        assert.equal(answer.text, facts["text-basic"].text);
        assert.equal(answer.finishReason, "stop");
        assertUsage(answer.usage, "text-basic");
      });

      test("text, streamed", async () => {
        const answer = streamText(asked("text-basic-stream"));
        let text = "";
        for await (const piece of answer.textStream) text += piece;
        assert.equal(text, facts["text-basic-stream"].text);
        assert.equal(await answer.finishReason, "stop");
        assertUsage(await answer.usage, "text-basic-stream");
      });

      // The first answer calls, the SDK runs the tools and sends the results, and the second one is text.
      const withTools = (recording, last, runs) => asked(recording, {
        tools: {
          [called.name]: tool({
            description: called.description,
            inputSchema: jsonSchema(called.schema),
            execute: (input) => (runs.push(input), "42"),
          }),
        },
        stopWhen: stepCountIs(2),
        prepareStep: ({ stepNumber }) => (stepNumber > 0 ? { model: model(models[last]) } : {}),
      });
      const assertLoop = (steps, runs, recording, last) => {
        const calls = facts[recording].tool_calls.map(({ name, arguments: input }) => ({ name, input }));
        assert.deepEqual(runs, calls.map(({ input }) => input));
        assert.equal(steps.length, 2);
        assert.deepEqual(steps[0].toolCalls.map(({ toolName, input }) => ({ name: toolName, input })), calls);
        assert.deepEqual(steps[0].toolResults.map(({ output }) => output), calls.map(() => "42"));
        assert.equal(steps[0].finishReason, "tool-calls");
        assertUsage(steps[0].usage, recording);
        assert.equal(steps[1].text, facts[last].text);
        assert.equal(steps[1].finishReason, "stop");
      };

      test("tools and their results", async () => {
        const [recording, last, runs] = ["tools-parallel-turn1", "text-basic", []];
        const answer = await generateText(withTools(recording, last, runs));
        assertLoop(answer.steps, runs, recording, last);
      });

      test("tools and their results, streamed", async () => {
        const [recording, last, runs] = ["tools-parallel-stream-turn1", "text-basic-stream", []];
        const answer = streamText(withTools(recording, last, runs));
        await answer.consumeStream();
        assertLoop(await answer.steps, runs, recording, last);
      });

      const output = Output.object({ schema: jsonSchema(book), name: "Book" });

      test("an object", async () => {
        const answer = await generateText(asked("structured-strict", { output }));
        assert.deepEqual(answer.output, JSON.parse(facts["structured-strict"].text));
      });

      test("an object, streamed", async () => {
        const answer = streamText(asked("structured-strict-stream", { output }));
        const partial = [];
        for await (const piece of answer.partialOutputStream) partial.push(piece);
        const whole = JSON.parse(facts["structured-strict-stream"].text);
        assert.deepEqual([partial.at(-1), await answer.output], [whole, whole]);
      });

      test("the end of the tokens", async () => {
        const answer = await generateText(asked("max-tokens", { maxOutputTokens: 50 }));
        assert.equal(answer.finishReason, "length");
        assert.equal(answer.text, facts["max-tokens"].text);
      });

      // OpenAI says 400 of a model that is not there in Responses, which pass as they are.
      const missing = client === "openai.responses" && type === "Responses" ? [400] : [404];
      for (const [recording, statuses, isRetryable] of [
        ["limited", [429], true],
        ["broken", [500, 502, 503, 529], true],
        ["missing", missing, false],
      ]) {
        const isTyped = (error) => {
          assert.ok(APICallError.isInstance(error), `${error}`);
          assert.ok(statuses.includes(error.statusCode), `${error.statusCode}`);
          assert.equal(error.isRetryable, isRetryable);
          assert.ok(error.message.length > 5, error.message);
          return true;
        };
        test(`an error: ${recording}`, () => assert.rejects(generateText(asked(recording)), isTyped));
        test(`an error instead of a stream: ${recording}`, async () => {
          const errors = [];
          for await (const part of streamText(asked(recording)).fullStream) {
            if (part.type === "error") errors.push(part.error);
          }
          assert.equal(errors.length, 1);
          isTyped(errors[0]);
        });
      }

      test("a stream that breaks", async () => {
        const parts = [];
        for await (const part of streamText(asked("breaks-stream")).fullStream) parts.push(part);
        const errors = parts.filter((part) => part.type === "error").map(({ error }) => error);
        assert.equal(errors.length, 1);
        assert.match(errors[0].message, /ended before|broke off|is unavailable/);
        // The SDK finishes only what had begun.
        const ends = parts.filter((part) => part.type === "finish").map(({ finishReason }) => finishReason);
        if (!APICallError.isInstance(errors[0])) assert.deepEqual(ends, ["error"]);
        assert.ok(!ends.includes("stop"));
      });
    });
  }
}
