// One line for each spec, the failures in full at the end, and the counts as `cargo xtask test` adds them up.
import type { FullResult, Reporter, TestCase, TestResult } from "@playwright/test/reporter";

export default class Lines implements Reporter {
  #failed: { test: TestCase; result: TestResult }[] = [];
  #counts = { passed: 0, failed: 0, skipped: 0 };

  onTestEnd(test: TestCase, result: TestResult): void {
    const title = test.titlePath().filter(Boolean).slice(1).join(" › ");
    if (result.status === "skipped") {
      this.#counts.skipped += 1;
      const reason = test.annotations.find(({ type }) => type === "skip" || type === "fixme")?.description;
      console.log(`  skipped: ${title}: ${reason ?? "no reason given"}`);
    } else if (test.outcome() === "expected") {
      this.#counts.passed += 1;
      console.log(`  ok       ${title} (${(result.duration / 1000).toFixed(1)} s)`);
    } else {
      this.#counts.failed += 1;
      this.#failed.push({ test, result });
      console.log(`  FAILED   ${title} (${(result.duration / 1000).toFixed(1)} s)`);
    }
  }

  onError(error: { message?: string; stack?: string }): void {
    this.#counts.failed += 1;
    console.log(error.stack ?? error.message);
  }

  onStdOut(chunk: string | Buffer): void {
    process.stdout.write(chunk);
  }

  onStdErr(chunk: string | Buffer): void {
    process.stderr.write(chunk);
  }

  onEnd(_result: FullResult): void {
    for (const { test, result } of this.#failed) {
      console.log(`\n─── ${test.titlePath().filter(Boolean).join(" › ")}`);
      for (const error of result.errors) console.log(error.stack ?? error.message ?? error.value);
      for (const { name, path } of result.attachments) if (path !== undefined) console.log(`  ${name}: ${path}`);
    }
    const { passed, failed, skipped } = this.#counts;
    console.log(`browser specs: ${passed} passed, ${failed} failed, ${skipped} skipped`);
  }

  printsToStdio(): boolean {
    return true;
  }
}
