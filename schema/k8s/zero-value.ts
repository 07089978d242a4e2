// What Go has in place of a value that is not there: a null inside a list or map, a map entry
// without a value. (An absent field stays absent.)
import type { Shape } from './facts.ts'

/** The zero value of a shape as JSON shows it; null for times and raw JSON. */
export function zeroValue(shape: Shape): unknown {
  switch (shape.of) {
    case 'message':
    case 'map':
      return {}
    case 'list':
      return []
    case 'bool':
      return false
    case 'int32':
    case 'int64':
    case 'float64':
    case 'intOrString':
      return 0
    case 'quantity':
      return '0'
    case 'string':
    case 'bytes':
      return ''
    case 'time':
    case 'microTime':
    case 'raw':
      return null
  }
}
