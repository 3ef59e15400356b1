export { formatAgo, formatSpan, formatTable } from './text-layout.ts';
