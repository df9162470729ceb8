export function findFirstError(output: string): string
