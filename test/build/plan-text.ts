/** A plan as text for golden files: one line an action, patches as they are, so that a review reads consequences. */
import type { Action, Plan } from '../../api/plan/plan.ts'
import { printTime } from '../../schema/k8s/time.ts'

export function planText(plan: Plan): string {
  const lines = plan.actions.map(lineOf)
  if (lines.length === 0) lines.push('nothing')
  if (plan.again !== undefined) lines.push(`again ${printTime(plan.again)}`)
  return `${lines.join('\n')}\n`
}

function lineOf(action: Action): string {
  switch (action.do) {
    case 'create': {
      const { kind, metadata, ...rest } = action.object
      const { name, namespace: _, ownerReferences: __, ...more } = metadata
      const { apiVersion: ___, ...fields } = rest
      return `create ${kind} ${name ?? ''} (${action.why})\n${indent({ ...(Object.keys(more).length > 0 ? { metadata: more } : {}), ...fields })}`
    }
    case 'patch':
    case 'patch-status':
      return `${action.do} ${action.target.resource} ${action.target.name} (${action.why})\n${indent(action.patch)}`
    case 'bind':
      return `bind ${action.target.name} to ${action.node}`
    case 'delete': {
      const how = [action.propagation, action.graceSeconds === undefined ? undefined : `grace ${action.graceSeconds}`]
      const said = how.filter((one) => one !== undefined).join(', ')
      return `delete ${action.target.resource} ${action.target.name}${said === '' ? '' : ` [${said}]`} (${action.why})`
    }
    case 'finalize':
      return `finalize ${action.target.name} (${action.why})`
    case 'event':
      return `event ${action.type} ${action.reason} on ${action.target.kind} ${action.target.name}: ${action.message}`
  }
}

function indent(value: unknown): string {
  return JSON.stringify(value, undefined, 2).replaceAll(/^/gm, '    ')
}
