/** The kind a request is about; asking for one that is not served is a 404 like any unknown path. */
import { unknownPath } from '../../schema/k8s/status.ts'
import type { ResourceRequest } from '../access/request.ts'
import { kindByResource } from '../kinds/all.ts'
import type { Kind } from '../kinds/kind.ts'

export function kindOf(request: Pick<ResourceRequest, 'group' | 'version' | 'resource'>): Kind {
  const kind = kindByResource(request.group, request.version, request.resource)
  if (kind === undefined) throw unknownPath()
  return kind
}
