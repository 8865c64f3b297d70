/** `windlass jobs submit greet --input '{"name": "Ada"}' --watch` */
export async function greet({ name }) {
  return { greeting: `Hello, ${name}!` };
}
