// What is drawn as text: the course of the loss, digits.
import { setDefaultDevice, tensor } from "@flambeau/core";
import { beforeAll, expect, test } from "vitest";
import { History, plotLoss, renderDigit } from "./index.ts";

beforeAll(() => void setDefaultDevice("reference"));

test("the course of the loss", () => {
  const history = new History();
  for (let step = 0; step < 300; step++) history.record(2 * 0.98 ** step);
  expect(`\n${plotLoss(history, { height: 6, width: 40 })}\n`).toMatchInlineSnapshot(`
    "
        loss
       1.884 ┼╮                                       
       1.571 ┤╰╮                                      
       1.258 ┤ ╰─╮                                    
       0.945 ┤   ╰─╮                                  
       0.631 ┤     ╰───╮                              
       0.318 ┤         ╰──────╮                       
       0.005 ┤                ╰────────────────────── 
             └0                              300 steps
    "
  `);
  expect(plotLoss(new History())).toBe("loss: nothing was recorded");
});

test("a long course keeps its mean and a bounded number of points", () => {
  const history = new History();
  const steps = 4096 * 5;
  for (let step = 0; step < steps; step++) history.record(step);
  expect(history.course.length * history.stepsPerPoint).toBe(steps);
  expect(history.course.length).toBeLessThan(4096);
  const mean = history.course.reduce((a, b) => a + b, 0) / history.course.length;
  expect(mean).toBeCloseTo((steps - 1) / 2, 6);
  const copy = new History(JSON.parse(JSON.stringify(history)));
  expect(copy.toJSON()).toEqual(history.toJSON());
});

test("a digit in half blocks", () => {
  const rows = ["..##..", ".#..#.", "....#.", "...#..", "..#...", ".####."];
  const image = tensor(rows.map((row) => Array.from(row, (dot) => (dot === "#" ? 1 : 0))));
  expect(`\n${renderDigit(image, { width: 6 })}\n`).toMatchInlineSnapshot(`
    "
     ▄▀▀▄
       ▄▀
     ▄█▄▄
    "
  `);
});
